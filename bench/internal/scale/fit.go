package scale

import "math"

// fitted is how many of the largest sizes an exponent is fitted to. What is the
// same at every size hides the growth at small ones.
const fitted = 5

// exponent returns the k for which cost = c·n^k comes closest to the points, by
// least squares of the logarithms. It is 0 for less than two sizes, and what cost
// nothing does not count.
func exponent(points []Point) float64 {
	points = points[max(0, len(points)-fitted):]
	var n, sumX, sumY, sumXX, sumXY float64
	for _, p := range points {
		if p.Cost <= 0 {
			continue
		}
		x, y := math.Log(float64(p.N)), math.Log(p.Cost)
		n++
		sumX, sumY, sumXX, sumXY = sumX+x, sumY+y, sumXX+x*x, sumXY+x*y
	}
	if n < 2 {
		return 0
	}
	return (n*sumXY - sumX*sumY) / (n*sumXX - sumX*sumX)
}
