"""Both ends of a sidecar: fdpipe's process, and the application that reads its pipe."""
