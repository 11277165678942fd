namespace Sluice.Containerd.Snapshots.Filters;

internal enum FilterToken
{
    End,
    Field,
    Quoted,
    Operator,
    Value,
    Dot,
    Comma,
}
