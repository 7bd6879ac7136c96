package yaml

import "go.yaml.in/yaml/v3"

// booleans holds the words that are booleans in YAML 1.1 and text in YAML 1.2,
// which the library reads.
var booleans = map[string]string{
	"y": "true", "Y": "true", "yes": "true", "Yes": "true", "YES": "true",
	"on": "true", "On": "true", "ON": "true",
	"n": "false", "N": "false", "no": "false", "No": "false", "NO": "false",
	"off": "false", "Off": "false", "OFF": "false",
}

// Tags of scalars, in their short form.
const (
	boolTag = "!!bool"
	textTag = "!!str"
	timeTag = "!!timestamp"
)

// asVersion1 gives the scalars below n the meaning they have in YAML 1.1, dates
// excepted, which stay as they are written.
func asVersion1(n *yaml.Node) {
	if n.Kind == yaml.ScalarNode {
		scalarAsVersion1(n)
	}
	for _, child := range n.Content {
		asVersion1(child)
	}
}

func scalarAsVersion1(n *yaml.Node) {
	const plain = yaml.Style(0) // neither quoted nor with a tag of its own
	switch tag := n.ShortTag(); {
	case tag == timeTag:
		n.Tag = textTag
	case tag == boolTag, tag == textTag && n.Style == plain:
		if value, ok := booleans[n.Value]; ok {
			n.Tag, n.Value = boolTag, value
		}
	}
}
