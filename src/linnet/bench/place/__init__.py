"""Places to be measured: an empty installation is filled with as many people as wanted, all made from a seed."""
