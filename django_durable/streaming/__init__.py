"""Who watches: streams and news of workflows, carried to browsers.

Rows with offsets are the truth; everything else only says "look".
"""
