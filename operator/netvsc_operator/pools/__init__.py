"""NetvscPools: which are valid, which are in force; shared by webhook, controller and explain."""
