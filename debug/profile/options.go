package profile

// Options configure a Profile.
type Options struct {
	// Name of the profile, usually that of the service; it becomes part of file
	// names.
	Name string
}

// Option changes Options.
type Option func(o *Options)

// Name sets the name of the profile.
func Name(n string) Option {
	return func(o *Options) { o.Name = n }
}
