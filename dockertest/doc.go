// Package dockertest gives tests throwaway containers: ready when the call returns, gone with the test.
//
//	func TestOrders(t *testing.T) {
//		pg := dockertest.Run(t, "postgres:17",
//			dockertest.Env("POSTGRES_PASSWORD", "secret"),
//			dockertest.Port(5432),
//			dockertest.WaitLog("ready to accept connections"))
//		db := open(t, pg.Addr(5432)) // "127.0.0.1:49153"
//	}
//
// There is no daemon, nothing to install and no TestMain: the first Run of a test binary starts caisson's agent, and the
// agent ends with the binary however that ends, by panic, os.Exit, time-out or SIGKILL, with all containers, networks
// and temporary files.
//
// A server that takes long to prepare, such as a database with its schema, is prepared once by Template, and each test gets a fork
// of it. A server that takes long to start can stay for later tests and runs, by the option Reuse.
//
// There are two layers. Run gives a Container, whose methods fail the test. Start gives a Fixture, whose methods return
// errors: for programs, for TestMain, and for containers that tests share. Fixture.For and Container.For bind a handle to
// another test, which then fails when a method does. Container.Fixture returns the Fixture of a Container.
//
// Options have no errors of their own: Run and Start report an option that is not valid. Without a Wait option a container
// is ready when all ports that the option Port declares accept connections, and at once if there are none.
//
// A test that fails prints what its containers wrote. With go test -artifacts it also keeps their logs, description,
// changed files, networks and times. These are flags of the test binary. Use the variables with go test ./..., because
// packages that do not import dockertest do not know the flags:
//
//	-dockertest.keep        CAISSON_TEST_KEEP=1      keep the containers of failed tests, and say how to enter them
//	-dockertest.report      CAISSON_TEST_REPORT=1    print what each container took to pull, create, start, be ready
//	-dockertest.report=F    CAISSON_TEST_REPORT=F    write a timeline of all fixtures to F: an absolute path that ends in .html or .json
//	-dockertest.parallel n  CAISSON_TEST_PARALLEL=n  how many containers start at a time, on the whole machine
//
// Further variables, which this package alone reads: CAISSON_ROOT is the store's directory, CAISSON_IMAGE_PREFIX names a
// mirror of Docker Hub, CAISSON_OFFLINE=1 forbids pulls, and with CAISSON_TEST_NO_SKIP=1 a test fails where Skip would skip
// it. CAISSON_AGENT names the agent's binary, for all packages.
//
// The go command keeps the result of a test that passed, and runs the test again when an input has changed. The files that
// a fixture is made of are such inputs, wherever they are: the source of RunGo and BuildGo with all that it imports from
// modules without a fixed version, the context of Build, the files of HostFile and Files, and what Mount mounts. What an
// image's name stands for is not one: after a change of an image outside the tests use go test -count=1.
//
// Requirements: those of package container; Check says what is missing and how to mend it.
//
// Use package container for containers that outlive the tests. To start many containers from one description, use a tool
// such as Docker Compose.
package dockertest
