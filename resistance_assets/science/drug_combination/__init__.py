"""Drug combinations: expected effects by Bliss, HSA, Loewe and ZIP, and tests over replicate matrices."""
