"""The arithmetic: arrays in, arrays out, one era at a time; numpy and scipy only."""
