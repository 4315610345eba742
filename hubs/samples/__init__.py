"""Sample hubs that ship with the project: invented content that shows what feeds look like and how they are read.

A hub's folder (or zip) here is what a real hub would publish at its address; nothing in it is about a real body.
"""
