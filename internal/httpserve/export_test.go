package httpserve

// StartWithShare is Start with what strangers may make the server do for nothing in a
// second, in place of what depends on the machine.
var StartWithShare = start
