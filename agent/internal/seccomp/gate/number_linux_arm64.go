package gate

const sysSeccomp = 277 // package syscall is frozen from before it
