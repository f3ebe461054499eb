// Package fair shares what there is of something among tenants: whoever was served longest
// ago comes next, and what is done at once is bounded in time, so that a turn comes soon. A
// tenant that has a great deal to be done gets all that nobody else asks for, and no more.
package fair
