export const value = 7;
export const { url } = import.meta;
