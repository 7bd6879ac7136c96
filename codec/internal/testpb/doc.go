// Package testpb holds the protobuf messages that the tests of the codecs use.
package testpb
