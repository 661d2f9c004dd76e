"""(being written right now by another engineer: helpers "faults" and "strangers"; do not write here)"""
