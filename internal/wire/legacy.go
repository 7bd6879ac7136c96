package wire

// LegacyContentType is the content type under which a body of content type ct
// travels to a legacy peer.
func LegacyContentType(ct string) string {
	switch ct {
	case "application/json":
		return "application/json-rpc"
	case "application/protobuf":
		return "application/proto-rpc"
	}
	return ct
}

// Resolve decides whether a request came in the legacy form, and completes
// head for one that did not: a missing Method is filled from Endpoint and the
// other way round.
func (h *Head) Resolve() (legacy bool) {
	switch {
	case h.Protocol != "", h.Topic != "":
	case h.Service == "" && h.Method == "" && h.Endpoint == "":
		return true
	case h.Target != "":
		return true
	}
	if h.Method == "" {
		h.Method = h.Endpoint
	}
	if h.Endpoint == "" {
		h.Endpoint = h.Method
	}
	return false
}
