package scale

import "slices"

// Rows are all pieces of work, by the area of the project they belong to. Each
// area has a file of its own.
func Rows() []Row {
	return slices.Concat(
		discoveryRows(),
		multicastRows(),
		messagingRows(),
		storageRows(),
		configRows(),
		connectionRows(),
	)
}
