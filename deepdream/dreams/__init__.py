"""Dreams: what excites a unit, a layer or a style, climbed by gradient ascent, written as a wav and read back."""
