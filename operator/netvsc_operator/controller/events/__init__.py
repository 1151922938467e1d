"""Events and the pod condition of a VF, and when it is announced again."""
