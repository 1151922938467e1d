"""The node's NetvscNode: its spec followed, its status written, its orders carried out."""
