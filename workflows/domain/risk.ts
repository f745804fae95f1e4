/** What makes a payment one that a person should look at before anything is sent. */

/** The store's own rules. What is not set is not looked at. */
export interface RiskRules {
  /** Stripe's score, 0 to 100, from which on it counts; Stripe's own words for elevated and highest always do. */
  scoreFrom?: number | undefined;
  /** Methods that were declined before one was accepted. */
  declinesFrom?: number | undefined;
  /** Minor units by currency. */
  amountFrom?: Readonly<Record<string, number>> | undefined;
  /** The card is of another country than the one that the goods go to. */
  foreignCard?: boolean | undefined;
  /** Hours after which an order that nobody has released is cancelled. Without it, it waits for a person. */
  cancelAfterHours?: number | undefined;
}

export interface RiskFacts {
  level?: string | undefined;
  score?: number | undefined;
  cardCountry?: string | undefined;
  shipsTo: string;
  declines: number;
  amount: number;
  currency: string;
}

/** Why, in words for staff; none where there is nothing. */
export function risksOf(facts: RiskFacts, rules: RiskRules): string[] {
  const { level, score = 0, cardCountry, shipsTo, declines, amount, currency } = facts;
  const { scoreFrom, declinesFrom, amountFrom, foreignCard = false } = rules;
  const most = amountFrom?.[currency];
  const risks: string[] = [];
  if (level === 'elevated' || level === 'highest') risks.push(`The payment provider rates its risk as ${level}`);
  else if (scoreFrom !== undefined && score >= scoreFrom) risks.push(`The payment provider's score is ${score}`);
  if (declinesFrom !== undefined && declines >= declinesFrom) risks.push(`${declines} methods were declined before`);
  if (most !== undefined && amount >= most) risks.push('It is about more than the store sends without a look');
  if (foreignCard && cardCountry !== undefined && cardCountry !== shipsTo)
    risks.push(`The card is of ${cardCountry}, and the goods go to ${shipsTo}`);
  return risks;
}
