"""The demo phone: a loopback stand-in for Twilio that shows what it was told as refuge phones.

It knows nothing of Waymark: the two speak HTTP only, as Waymark and Twilio do.
"""
