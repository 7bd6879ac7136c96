package client

import "context"

// CreateOptions are the options of Create.
type CreateOptions struct {
	Namespace string
	Context   context.Context // bounds the call; nil for none
}

// GetOptions are the options of Get.
type GetOptions struct {
	Namespace string
	Labels    map[string]string
	Context   context.Context // bounds the call; nil for none
}

// UpdateOptions are the options of Update.
type UpdateOptions struct {
	Namespace string
	Context   context.Context // bounds the call; nil for none
}

// DeleteOptions are the options of Delete.
type DeleteOptions struct {
	Namespace string
	Context   context.Context // bounds the call; nil for none
}

// ListOptions are the options of List.
type ListOptions struct {
	Namespace string
	Context   context.Context // bounds the call; nil for none
}

// LogOptions are the options of Log.
type LogOptions struct {
	Namespace string
	Params    map[string]string
	Context   context.Context // ends the log; nil for none
}

// WatchOptions are the options of Watch.
type WatchOptions struct {
	Namespace string
	Params    map[string]string
	Resume    bool
	Context   context.Context // ends the watch; nil for none
}

// Options of the calls. Namespaces are made names of resources by
// SerializeResourceName.
type (
	CreateOption func(*CreateOptions)
	GetOption    func(*GetOptions)
	UpdateOption func(*UpdateOptions)
	DeleteOption func(*DeleteOptions)
	ListOption   func(*ListOptions)
	LogOption    func(*LogOptions)
	WatchOption  func(*WatchOptions)
)

// CreateNamespace sets the namespace that is created in.
func CreateNamespace(ns string) CreateOption {
	return func(o *CreateOptions) { o.Namespace = SerializeResourceName(ns) }
}

// CreateContext bounds a Create.
func CreateContext(ctx context.Context) CreateOption {
	return func(o *CreateOptions) { o.Context = ctx }
}

// GetNamespace sets the namespace that is read.
func GetNamespace(ns string) GetOption {
	return func(o *GetOptions) { o.Namespace = SerializeResourceName(ns) }
}

// GetLabels selects objects by the values of their labels.
func GetLabels(labels map[string]string) GetOption {
	return func(o *GetOptions) { o.Labels = labels }
}

// GetContext bounds a Get.
func GetContext(ctx context.Context) GetOption {
	return func(o *GetOptions) { o.Context = ctx }
}

// UpdateNamespace sets the namespace of the object.
func UpdateNamespace(ns string) UpdateOption {
	return func(o *UpdateOptions) { o.Namespace = SerializeResourceName(ns) }
}

// UpdateContext bounds an Update.
func UpdateContext(ctx context.Context) UpdateOption {
	return func(o *UpdateOptions) { o.Context = ctx }
}

// DeleteNamespace sets the namespace of the object.
func DeleteNamespace(ns string) DeleteOption {
	return func(o *DeleteOptions) { o.Namespace = SerializeResourceName(ns) }
}

// DeleteContext bounds a Delete.
func DeleteContext(ctx context.Context) DeleteOption {
	return func(o *DeleteOptions) { o.Context = ctx }
}

// ListNamespace sets the namespace that is listed.
func ListNamespace(ns string) ListOption {
	return func(o *ListOptions) { o.Namespace = SerializeResourceName(ns) }
}

// ListContext bounds a List.
func ListContext(ctx context.Context) ListOption {
	return func(o *ListOptions) { o.Context = ctx }
}

// LogParams sets query parameters: "tailLines", "follow".
func LogParams(p map[string]string) LogOption {
	return func(o *LogOptions) { o.Params = p }
}

// LogNamespace sets the namespace of the pod.
func LogNamespace(ns string) LogOption {
	return func(o *LogOptions) { o.Namespace = SerializeResourceName(ns) }
}

// LogContext ends a log when ctx does.
func LogContext(ctx context.Context) LogOption {
	return func(o *LogOptions) { o.Context = ctx }
}

// WatchNamespace sets the namespace that is watched.
func WatchNamespace(ns string) WatchOption {
	return func(o *WatchOptions) { o.Namespace = SerializeResourceName(ns) }
}

// WatchParams sets query parameters: "resourceVersion", "labelSelector".
func WatchParams(p map[string]string) WatchOption {
	return func(o *WatchOptions) { o.Params = p }
}

// WatchContext ends a watch when ctx does.
func WatchContext(ctx context.Context) WatchOption {
	return func(o *WatchOptions) { o.Context = ctx }
}

// WatchResume has a watch go on where it was when its stream ends or is cut, so
// that no event is missed. Where the server does not remember so much, it is asked
// for all objects, and the events say how these differ from what was known. The
// channel is then closed by Stop, by the end of the context, or when the server
// refuses for good, which is told by an Error event.
func WatchResume() WatchOption {
	return func(o *WatchOptions) { o.Resume = true }
}
