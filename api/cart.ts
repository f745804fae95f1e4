/** What a cart costs and whether it can be had: the same for a quote and for an order. */
import type { z } from 'zod';
import { type QuoteWork, quoteCart } from '../activities/quotes.ts';
