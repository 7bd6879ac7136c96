package version

import "testing"

func FuzzCompareIsAnOrder(f *testing.F) {
	for _, v := range []string{"", "1.0.0", "v1.2", "1.0.0-rc.1", "latest", "1..2", "-", "1.0+x"} {
		f.Add(v, "1.0.0", "2.0")
	}
	f.Fuzz(func(t *testing.T, a, b, c string) {
		if compare(a, a) != 0 {
			t.Errorf("%q differs from itself", a)
		}
		if sign(compare(a, b)) != -sign(compare(b, a)) {
			t.Errorf("%q and %q compare %d one way and %d the other", a, b, compare(a, b), compare(b, a))
		}
		if compare(a, b) <= 0 && compare(b, c) <= 0 && compare(a, c) > 0 {
			t.Errorf("%q, %q and %q are in no order", a, b, c)
		}
	})
}

func sign(n int) int {
	switch {
	case n < 0:
		return -1
	case n > 0:
		return 1
	}
	return 0
}
