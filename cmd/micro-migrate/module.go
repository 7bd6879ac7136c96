package main

import (
	"go/version"
	"slices"

	"golang.org/x/mod/modfile"
	"golang.org/x/mod/module"
	"golang.org/x/mod/semver"
)

// rewriteModule returns a go.mod that requires this module in place of go-micro
// and its plugins, except for those that the program still imports, and what it
// dropped that somebody may have to think about. It is unchanged when it requires
// nothing of go-micro.
func rewriteModule(name string, data []byte, required string, left []string) (out []byte, dropped []string, err error) {
	f, err := modfile.Parse(name, data, nil)
	if err != nil {
		return nil, nil, err
	}
	kept := slices.DeleteFunc(slices.Clone(f.Require), func(r *modfile.Require) bool {
		_, core := below(r.Mod.Path, oldCore)
		return core || isPlugin(r.Mod.Path) && !inModule(left, r.Mod.Path)
	})
	if len(kept) == len(f.Require) {
		return data, nil, nil
	}
	f.SetRequireSeparateIndirect(withThisModule(kept, required))
	if dropped, err = dropReplacements(f.Replace, f.DropReplace); err != nil {
		return nil, nil, err
	}
	if err := raiseGo(f); err != nil {
		return nil, nil, err
	}
	f.Cleanup()
	f.SortBlocks()
	out, err = f.Format()
	return out, dropped, err
}

// inModule reports whether one of the imports is in a module.
func inModule(imports []string, module string) bool {
	return slices.ContainsFunc(imports, func(i string) bool {
		_, in := below(i, module)
		return in
	})
}

// withThisModule adds this module to requirements, and raises what goes with it.
func withThisModule(kept []*modfile.Require, required string) []*modfile.Require {
	least := map[string]string{newCore: required, "google.golang.org/protobuf": minProtobuf, "github.com/golang/protobuf": minOldProtobuf}
	if !slices.ContainsFunc(kept, func(r *modfile.Require) bool { return r.Mod.Path == newCore }) {
		kept = append(kept, &modfile.Require{Mod: module.Version{Path: newCore, Version: required}})
	}
	for i, r := range kept {
		if v, ok := least[r.Mod.Path]; ok && semver.Compare(r.Mod.Version, v) < 0 {
			kept[i] = &modfile.Require{Mod: module.Version{Path: r.Mod.Path, Version: v}, Indirect: r.Indirect}
		}
	}
	return kept
}

// raiseGo makes a module ask for a version of Go that is recent enough.
func raiseGo(f *modfile.File) error {
	if f.Toolchain != nil && version.Compare(f.Toolchain.Name, "go"+minGo) < 0 {
		f.DropToolchainStmt()
	}
	if f.Go == nil || version.Compare("go"+f.Go.Version, "go"+minGo) < 0 {
		return f.AddGoStmt(minGo)
	}
	return nil
}

// dropReplacements drops the replacements of what is no longer required.
func dropReplacements(all []*modfile.Replace, drop func(path, version string) error) (dropped []string, err error) {
	for _, r := range slices.Clone(all) {
		_, core := below(r.Old.Path, oldCore)
		if !core {
			continue
		}
		dropped = append(dropped, r.Old.Path+" => "+r.New.Path)
		if err := drop(r.Old.Path, r.Old.Version); err != nil {
			return nil, err
		}
	}
	return dropped, nil
}

// rewriteWork returns a go.work whose modules may be migrated ones.
func rewriteWork(name string, data []byte) (out []byte, dropped []string, err error) {
	f, err := modfile.ParseWork(name, data, nil)
	if err != nil {
		return nil, nil, err
	}
	if dropped, err = dropReplacements(f.Replace, f.DropReplace); err != nil {
		return nil, nil, err
	}
	if f.Toolchain != nil && version.Compare(f.Toolchain.Name, "go"+minGo) < 0 {
		f.DropToolchainStmt()
	}
	if f.Go == nil || version.Compare("go"+f.Go.Version, "go"+minGo) < 0 {
		if err := f.AddGoStmt(minGo); err != nil {
			return nil, nil, err
		}
	}
	f.Cleanup()
	return modfile.Format(f.Syntax), dropped, nil
}
