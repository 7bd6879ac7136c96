package grpc_test

import (
	"fmt"
	"testing"

	"github.com/justcy/go-micro/v4/util/grpc"
)

func TestMethodNamesHaveTwoForms(t *testing.T) {
	for name, want := range map[string][2]string{
		"Foo.Bar":        {"Foo", "Bar"},
		"/Foo/Bar":       {"Foo", "Bar"},
		"/pkg.Foo/Bar":   {"Foo", "Bar"},
		"/a.pkg.Foo/Bar": {"Foo", "Bar"},
	} {
		service, method, err := grpc.ServiceMethod(name)
		if err != nil || service != want[0] || method != want[1] {
			t.Errorf("%s: got %q, %q, %v", name, service, method, err)
		}
	}
}

func TestMalformedMethodNamesAreRefused(t *testing.T) {
	for _, name := range []string{"", "/", "Foo", "a.Foo.Bar", "/Foo", "/Foo/", "//Bar", "/Foo/Bar/Baz", "/a./Bar"} {
		_, _, err := grpc.ServiceMethod(name)
		if err == nil || err.Error() != fmt.Sprintf("malformed method name: %q", name) {
			t.Errorf("%q: got %v", name, err)
		}
	}
}

func TestTheServiceIsThePackageOfTheMethod(t *testing.T) {
	for name, want := range map[string]string{
		"/a.pkg.Foo/Bar": "a.pkg",
		"/pkg.Foo/Bar":   "pkg",
		"/Foo/Bar":       "/Foo/Bar",
		"/a.Foo":         "/a.Foo",
		"greeter":        "greeter",
		"a.b":            "a.b",
		"":               "",
	} {
		if got := grpc.ServiceFromMethod(name); got != want {
			t.Errorf("%q: got %q, want %q", name, got, want)
		}
	}
}
