// Package prometheus counts and times calls, streams and messages for Prometheus.
//
//	service := micro.NewService(
//		micro.Name("greeter"),
//		micro.WrapHandler(prometheus.NewHandlerWrapper(prometheus.ServiceName("greeter"))),
//		micro.WrapClient(prometheus.NewClientWrapper(prometheus.ServiceName("greeter"))),
//	)
//	http.Handle("/metrics", promhttp.Handler())
//
// The metrics have the names and labels of go-micro v4's plugin, so that its
// dashboards go on working:
//
//	micro_request_total                counter, with micro_status success or failure
//	micro_latency_microseconds         summary
//	micro_request_duration_seconds     histogram
//
// each with the labels micro_name, micro_version, micro_id of the service that
// measures, and micro_endpoint: service.endpoint for what a client calls, the
// endpoint for what a server handles, and the topic for messages. The time of a
// stream is that of its handler, and on the side of the client that of opening it.
//
// Every endpoint has series of its own, up to a thousand for a wrapper. What comes
// after them counts as the endpoint other: a gateway calls whatever its clients ask for.
package prometheus

import (
	"errors"
	"fmt"
	"strings"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/justcy/go-micro/v4/logger"
)

// What the names of metrics and labels begin with. They are read when a wrapper is
// made.
var (
	DefaultMetricPrefix = "micro_"
	DefaultLabelPrefix  = "micro_"
)

const (
	// maxEndpoints is how many endpoints have series of their own.
	maxEndpoints = 1000
	// otherEndpoint stands for the rest.
	otherEndpoint = "other"
)

// metrics are the collectors of a wrapper, for its service.
type metrics struct {
	requests  *prometheus.CounterVec
	latencies *prometheus.SummaryVec
	durations *prometheus.HistogramVec
	service   []string // the values of the first labels

	mu        sync.RWMutex
	endpoints map[string]string // the labels of what was measured
}

// label returns the label of an endpoint. Prometheus takes UTF-8 alone.
func (m *metrics) label(endpoint string) string {
	m.mu.RLock()
	label, ok := m.endpoints[endpoint]
	full := len(m.endpoints) >= maxEndpoints
	m.mu.RUnlock()
	switch {
	case ok:
		return label
	case full:
		return otherEndpoint
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	if label, ok := m.endpoints[endpoint]; ok { // meanwhile
		return label
	}
	if len(m.endpoints) >= maxEndpoints {
		return otherEndpoint
	}
	label = strings.ToValidUTF8(endpoint, "\uFFFD")
	m.endpoints[strings.Clone(endpoint)] = label
	return label
}

// newMetrics registers collectors, or finds those that were registered by the same
// names. Some that cannot be registered, because a collector of another kind has
// their name for example, count for nobody, which is logged.
func newMetrics(opts []Option) *metrics {
	o := newOptions(opts)
	labels := func(names ...string) []string {
		for i := range names {
			names[i] = DefaultLabelPrefix + names[i]
		}
		return names
	}
	common := labels("name", "version", "id", "endpoint")
	return &metrics{
		service:   []string{o.Name, o.Version, o.ID},
		endpoints: map[string]string{},
		requests: register(&o, prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: DefaultMetricPrefix + "request_total",
			Help: "Requests processed, partitioned by endpoint and status",
		}, labels("name", "version", "id", "endpoint", "status"))),
		latencies: register(&o, prometheus.NewSummaryVec(prometheus.SummaryOpts{
			Name: DefaultMetricPrefix + "latency_microseconds",
			Help: "Request latencies in microseconds, partitioned by endpoint",
		}, common)),
		durations: register(&o, prometheus.NewHistogramVec(prometheus.HistogramOpts{
			Name: DefaultMetricPrefix + "request_duration_seconds",
			Help: "Request time in seconds, partitioned by endpoint",
		}, common)),
	}
}

// register registers a collector, and returns it or the one of that name that is
// registered.
func register[C prometheus.Collector](o *Options, c C) C {
	err := o.Registerer.Register(c)
	var already prometheus.AlreadyRegisteredError
	if errors.As(err, &already) {
		if existing, ok := already.ExistingCollector.(C); ok {
			return existing
		}
		err = fmt.Errorf("a %T has its name", already.ExistingCollector)
	}
	if err != nil {
		logger.LoggerOrDefault(o.Logger).Logf(logger.ErrorLevel, "prometheus: %T is not registered and counts for nobody: %v", c, err)
	}
	return c
}

// measure is to be called when something begins; the result when it has ended.
func (m *metrics) measure(endpoint string) func(error) {
	begun := time.Now()
	return func(err error) {
		took := time.Since(begun).Seconds()
		status := "success"
		if err != nil {
			status = "failure"
		}
		labels := [5]string{m.service[0], m.service[1], m.service[2], m.label(endpoint), status}
		m.requests.WithLabelValues(labels[:]...).Inc()
		m.latencies.WithLabelValues(labels[:4]...).Observe(took * 1e6)
		m.durations.WithLabelValues(labels[:4]...).Observe(took)
	}
}
