"""What is made of the numbers of many eras: arrays in, arrays out."""
