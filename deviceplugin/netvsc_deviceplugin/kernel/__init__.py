"""What the kernel says of NICs: rtnetlink, uevents, /sys and network namespaces."""
