
20

netvsc.io/x
netvsc.io/é😀../