package main

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"google.golang.org/protobuf/compiler/protogen"
	"google.golang.org/protobuf/reflect/protoreflect"
)

// clientName is the name of a service's client interface: Greeter gives
// GreeterService, and MailService stays as it is.
func clientName(service *protogen.Service) string {
	if strings.HasSuffix(service.GoName, "Service") {
		return service.GoName
	}
	return service.GoName + "Service"
}

func streams(m *protogen.Method) bool {
	return m.Desc.IsStreamingClient() || m.Desc.IsStreamingServer()
}

// names lists the exported names that a service adds to its Go package, each
// with the descriptor that is to blame.
func names(service *protogen.Service) map[string]protoreflect.Descriptor {
	s := service.GoName
	declared := map[string]protoreflect.Descriptor{
		clientName(service):                    service.Desc,
		s + "Handler":                          service.Desc,
		"New" + s + "Endpoints":                service.Desc,
		"New" + clientName(service):            service.Desc,
		"Register" + s + "Handler":             service.Desc,
		lowerFirst(clientName(service)):        service.Desc,
		lowerFirst(service.GoName + "Handler"): service.Desc,
	}
	for _, m := range service.Methods {
		if streams(m) {
			declared[s+"_"+m.GoName+"Service"] = m.Desc
			declared[s+"_"+m.GoName+"Stream"] = m.Desc
		}
	}
	return declared
}

// checkNames reports names that two declarations of one Go package would share.
func checkNames(plugin *protogen.Plugin) error {
	taken := map[protogen.GoIdent]protoreflect.Descriptor{}
	for _, file := range plugin.Files {
		takeMessages(taken, file.Messages)
		takeEnums(taken, file.Enums)
	}
	for _, file := range plugin.Files {
		if !file.Generate {
			continue
		}
		for _, service := range file.Services {
			if err := checkMethods(service); err != nil {
				return err
			}
			declared := names(service)
			for _, name := range slices.Sorted(maps.Keys(declared)) {
				desc := declared[name]
				ident := file.GoImportPath.Ident(name)
				if other, ok := taken[ident]; ok {
					return fmt.Errorf("%s: the Go name %s, generated for %s, is taken by %s (%s)", at(desc), name, desc.FullName(), other.FullName(), at(other))
				}
				taken[ident] = desc
			}
		}
	}
	return nil
}

// checkMethods reports methods of a service that share a Go name.
func checkMethods(service *protogen.Service) error {
	// The handler is embedded under its own name, beside the methods.
	taken := map[string]protoreflect.Descriptor{service.GoName + "Handler": service.Desc}
	for _, m := range service.Methods {
		if other, ok := taken[m.GoName]; ok {
			return fmt.Errorf("%s: the Go name %s of %s is taken by %s (%s)", at(m.Desc), m.GoName, m.Desc.FullName(), other.FullName(), at(other))
		}
		taken[m.GoName] = m.Desc
	}
	return nil
}

func takeMessages(taken map[protogen.GoIdent]protoreflect.Descriptor, messages []*protogen.Message) {
	for _, m := range messages {
		taken[m.GoIdent] = m.Desc
		takeMessages(taken, m.Messages)
		takeEnums(taken, m.Enums)
	}
}

func takeEnums(taken map[protogen.GoIdent]protoreflect.Descriptor, enums []*protogen.Enum) {
	for _, e := range enums {
		taken[e.GoIdent] = e.Desc
	}
}
