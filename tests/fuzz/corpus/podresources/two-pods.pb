
Y
pdQ
c6
netvsc.io/pair00-0d-3a-c0-00-1100-0d-3a-c0-00-12
example.com/gpu0

qd
web