/** Label of runtimes' images, complete or not: the name of the recipe. */
export const RUNTIME_LABEL = "carrel.runtime";
