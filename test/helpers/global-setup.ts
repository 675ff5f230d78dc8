/** Runs once before all tests. What tests need beyond npm packages is installed by tools/set-up.mjs. */
export default function setup(): void {}
