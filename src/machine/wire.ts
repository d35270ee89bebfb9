// A wire between two chips: the driver sets its level, the receiver hears of every change.

/** Drives a line high or low. Driving the level a line already has is allowed and says nothing new. */
export type Wire = (level: boolean) => void;
