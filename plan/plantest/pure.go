package plantest

import (
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// CheckPure reads the source of the packages in dirs, tests left out, and fails for whatever would let a plan depend on more than its
// input, or leave a trace but its result: clocks, random numbers, input and output, logging, contexts, goroutines
// and channels, package-level variables and init functions. A package-level sync.OnceValue is allowed: it is a constant that
// is built when first asked for.
//
// It reads what is written, not what is called: a function of another package that does any of this is not found.
func CheckPure(t testing.TB, dirs ...string) {
	t.Helper()
	for _, dir := range dirs {
		found, err := impurities(dir)
		if err != nil {
			t.Errorf("%s: %v", dir, err)
		}
		for _, impurity := range found {
			t.Error(impurity)
		}
	}
}

func impurities(dir string) ([]string, error) {
	entries, err := os.ReadDir(dir)
	if err != nil {
		return nil, err
	}
	var found []string
	for _, entry := range entries {
		name := entry.Name()
		if !strings.HasSuffix(name, ".go") || strings.HasSuffix(name, "_test.go") {
			continue
		}
		r := reader{files: token.NewFileSet()}
		file, err := parser.ParseFile(r.files, filepath.Join(dir, name), nil, parser.SkipObjectResolution)
		if err != nil {
			return nil, err
		}
		r.read(file)
		found = append(found, r.found...)
	}
	return found, nil
}

// forbiddenImports are packages of which nothing is pure; all that lies below them counts too.
func forbiddenImports() []string {
	return []string{
		"C", "bufio", "context", "crypto/rand", "database", "embed", "io", "log", "math/rand", "net", "os", "plugin", "runtime", "sync/atomic",
		"syscall", "testing", "unsafe",
		"k8s.io/apimachinery/pkg/util/uuid", "k8s.io/apimachinery/pkg/util/wait", "k8s.io/client-go", "k8s.io/klog", "k8s.io/utils/clock",
	}
}

// forbiddenNames are the impure parts of packages that have pure ones.
func forbiddenNames() map[string][]string {
	return map[string][]string{
		"time":                                 {"Now", "Since", "Until", "Sleep", "After", "AfterFunc", "Tick", "NewTicker", "NewTimer", "Local", "LoadLocation"},
		"fmt":                                  {"Print", "Printf", "Println", "Scan", "Scanf", "Scanln"},
		"k8s.io/apimachinery/pkg/apis/meta/v1": {"Now"},
		"k8s.io/apimachinery/pkg/util/rand":    {"Int", "Intn", "IntnRange", "Int63nRange", "Perm", "Seed", "String"},
	}
}

// reader looks through one file.
type reader struct {
	files   *token.FileSet
	imports map[string]string // the path, by the name under which the file knows it
	found   []string
}

func (r *reader) report(node ast.Node, format string, args ...any) {
	r.found = append(r.found, fmt.Sprintf("%s: %s", r.files.Position(node.Pos()), fmt.Sprintf(format, args...)))
}

func (r *reader) read(file *ast.File) {
	r.imports = map[string]string{}
	for _, spec := range file.Imports {
		r.readImport(spec)
	}
	for _, decl := range file.Decls {
		switch decl := decl.(type) {
		case *ast.GenDecl:
			for _, spec := range decl.Specs {
				if value, ok := spec.(*ast.ValueSpec); ok && decl.Tok == token.VAR {
					r.readVariable(value)
				}
			}
		case *ast.FuncDecl:
			if decl.Name.Name == "init" && decl.Recv == nil {
				r.report(decl, "an init function")
			}
		}
	}
	ast.Inspect(file, func(node ast.Node) bool {
		r.readNode(node)
		return true
	})
}

func (r *reader) readImport(spec *ast.ImportSpec) {
	path, _ := strconv.Unquote(spec.Path.Value)
	name := path[strings.LastIndex(path, "/")+1:]
	if strings.HasSuffix(path, "/meta/v1") && spec.Name == nil {
		name = "v1"
	}
	if spec.Name != nil {
		name = spec.Name.Name
	}
	r.imports[name] = path
	for _, forbidden := range forbiddenImports() {
		if path == forbidden || strings.HasPrefix(path, forbidden+"/") {
			r.report(spec, "imports %s", path)
		}
	}
	if _, partly := forbiddenNames()[path]; partly && name == "." {
		r.report(spec, "imports %s without its name", path)
	}
}

func (r *reader) readVariable(spec *ast.ValueSpec) {
	for i, name := range spec.Names {
		if name.Name == "_" || i < len(spec.Values) && r.isLazyConstant(spec.Values[i]) {
			continue
		}
		r.report(name, "the package-level variable %s", name.Name)
	}
}

func (r *reader) isLazyConstant(value ast.Expr) bool {
	call, ok := value.(*ast.CallExpr)
	return ok && r.names(call.Fun, "sync", "OnceValue")
}

// names reports whether an expression is one of the names of a package.
func (r *reader) names(expr ast.Expr, path string, names ...string) bool {
	selector, ok := expr.(*ast.SelectorExpr)
	if !ok {
		return false
	}
	pkg, ok := selector.X.(*ast.Ident)
	return ok && r.imports[pkg.Name] == path && slices.Contains(names, selector.Sel.Name)
}

func (r *reader) readNode(node ast.Node) {
	switch node := node.(type) {
	case *ast.GoStmt:
		r.report(node, "a goroutine")
	case *ast.ChanType, *ast.SelectStmt, *ast.SendStmt:
		r.report(node, "a channel")
	case *ast.CallExpr:
		if builtin, ok := node.Fun.(*ast.Ident); ok && (builtin.Name == "print" || builtin.Name == "println") {
			r.report(node, "%s", builtin.Name)
		}
	case *ast.SelectorExpr:
		for path, names := range forbiddenNames() {
			if r.names(node, path, names...) {
				r.report(node, "%s of %s", node.Sel.Name, path)
			}
		}
		pkg, ok := node.X.(*ast.Ident)
		if ok && r.imports[pkg.Name] == "sync" && node.Sel.Name != "OnceValue" {
			r.report(node, "sync.%s", node.Sel.Name)
		}
	}
}
