"""What people are told of a VF, and when it is announced again."""
