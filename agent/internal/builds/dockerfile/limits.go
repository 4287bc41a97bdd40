package dockerfile

// What a text may be, and what may become of it.
const (
	// MaxSize of a Dockerfile. The largest that are known have some hundred kilobytes.
	MaxSize = 1 << 20
	// MaxIgnore is the size of a .dockerignore.
	MaxIgnore = 1 << 20
	// maxInstructions of a Dockerfile. An image has at most some hundred layers.
	maxInstructions = 10_000
	// maxVariable is what Linux takes for one variable or argument of a process, with the zero byte behind it (MAX_ARG_STRLEN).
	maxVariable = 128 << 10
	// maxEnv is what Linux takes for all of them with the usual limit of the stack.
	maxEnv = 2 << 20
	// maxWord is what one word may become, such as a here-document.
	maxWord = 4 << 20
	// maxExpanded is what all variables of a file may be replaced with.
	maxExpanded = 16 << 20
	// maxConfig is what registries' clients take for an image's configuration.
	maxConfig = 4 << 20
)
