package server

// SetQuick makes the handler of an endpoint known to be quick.
func SetQuick(s Server, endpoint string) {
	s.(*rpcServer).settings.Load().routes.endpoints[endpoint].pace.average.Store(0)
}
