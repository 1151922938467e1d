"""What is asked of the kernel to change, by rtnetlink: links, addresses, routes."""
