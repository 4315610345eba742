"""The hubs' web door: a page and an API that take a feed, have it judged, and follow a submission to publication.

``uploads`` brings bytes to the disk, ``judging`` has them judged in a process of their own, ``desk`` says when,
``access`` knows who is asking, ``guard`` stands before all of it, ``api`` and ``pages`` answer, ``server`` listens.
What a feed, a submission or a receipt is, other rooms say.
"""
