from tests.vectors.vectors import Vector
BAD: list[Vector] = []
