package scale

import "math"

// fitted is how many of the largest sizes an exponent is fitted to. What is the
// same at every size hides the growth at small ones.
const fitted = 5

// exponent returns the k for which cost = c·n^k comes closest to the points, by
// least squares of the logarithms, and its standard error. Both are 0 for less than
// two sizes, the error for less than three, and what cost nothing does not count.
func exponent(points []Point) (k, standardError float64) {
	points = points[max(0, len(points)-fitted):]
	var n, sumX, sumY, sumXX, sumXY, sumYY float64
	for _, p := range points {
		if p.Cost <= 0 {
			continue
		}
		x, y := math.Log(float64(p.N)), math.Log(p.Cost)
		n++
		sumX, sumY = sumX+x, sumY+y
		sumXX, sumXY, sumYY = sumXX+x*x, sumXY+x*y, sumYY+y*y
	}
	if n < 2 {
		return 0, 0
	}
	xx, xy, yy := sumXX-sumX*sumX/n, sumXY-sumX*sumY/n, sumYY-sumY*sumY/n
	k = xy / xx
	if n > 2 {
		standardError = math.Sqrt(max(0, yy-k*xy) / (n - 2) / xx) // rounding may make it negative
	}
	return k, standardError
}
