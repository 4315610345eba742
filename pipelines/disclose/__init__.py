"""From true counts to what may be published, so that nobody can be picked out. How hubs send returns and how pages look
do not belong here.
"""
