// Package upload knows who unpacks the archives that services are uploaded in.
// That is package targz in a program that links it; by itself this package
// reaches no archive format.
package upload

import "context"

// Unpack unpacks the archive into folder, which is there and empty. It is nil in
// a program that links nothing which unpacks, and set when packages are
// initialised.
var Unpack func(ctx context.Context, archive, folder string) error
