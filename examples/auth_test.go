package examples_test

import "testing"

func TestAuthLetsInWhoMayEnter(t *testing.T) {
	out, err := run(t, "auth")
	if err != nil {
		t.Fatal(err)
	}
	const want = "“”     Shop.Price  a plum is 5\n" +
		"“”     Shop.Buy    refused, 401 Unauthorized\n" +
		"“”     Shop.Refill refused, 401 Unauthorized\n" +
		"“carl” Shop.Price  a plum is 5\n" +
		"“carl” Shop.Buy    carl bought a plum\n" +
		"“carl” Shop.Refill refused, 403 Forbidden\n" +
		"“sue”  Shop.Price  a plum is 5\n" +
		"“sue”  Shop.Buy    sue bought a plum\n" +
		"“sue”  Shop.Refill sue brought more of plum\n"
	if out != want {
		t.Errorf("it printed:\n%s", out)
	}
}

func TestSecureTalksToWhomItKnows(t *testing.T) {
	out, err := run(t, "secure")
	if err != nil {
		t.Fatal(err)
	}
	const want = "with a certificate: Hello John\n" +
		"asking for the bank: refused, there is somebody else\n" +
		"without a certificate: refused\n" +
		"without TLS: refused\n"
	if out != want {
		t.Errorf("it printed:\n%s", out)
	}
}
