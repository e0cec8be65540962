"""Makes the signature tables of ``windtunnel.knowledge.tables`` out of the sources of libraries.

Without importing them.
"""
