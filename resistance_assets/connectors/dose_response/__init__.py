"""Dose-response studies: long tables of wells, plate maps with exports of instruments, GDSC, GR calculator."""
