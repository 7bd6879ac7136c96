package broker

import "github.com/justcy/go-micro/v4/registry"

// version is one receiver of a topic: a queue group, or all subscribers without a queue.
type version struct {
	name  string
	nodes []*registry.Node
}

func (v version) broadcast() bool { return v.name == broadcastVersion }

// byTopic sorts the nodes of all http brokers by topic and version.
func byTopic(services []*registry.Service) map[string][]version {
	topics := map[string][]version{}
	for _, s := range services {
		if s == nil {
			continue
		}
		for _, n := range s.Nodes {
			if n == nil || n.Metadata["broker"] != "http" {
				continue
			}
			topic := n.Metadata["topic"]
			topics[topic] = withNode(topics[topic], s.Version, n)
		}
	}
	return topics
}

func withNode(versions []version, name string, n *registry.Node) []version {
	for i := range versions {
		if versions[i].name == name {
			versions[i].nodes = append(versions[i].nodes, n)
			return versions
		}
	}
	return append(versions, version{name: name, nodes: []*registry.Node{n}})
}
