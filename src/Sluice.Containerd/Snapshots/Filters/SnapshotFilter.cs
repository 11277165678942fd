using System.Text.RegularExpressions;

namespace Sluice.Containerd.Snapshots.Filters;

/// <summary>
/// A filter of containerd's list calls: selectors separated by commas, all of which must hold. Source: containerd 1.6, package filters.
/// <code>
/// selectors := selector ("," selector)*
/// selector  := fieldpath [operator value]
/// fieldpath := field ("." field)*
/// field     := quoted | [A-Za-z0-9_]+
/// operator  := "==" | "!=" | "~="
/// value     := quoted | anything up to a comma or space; after ~= also /quoted/ and |quoted|
/// </code>
/// </summary>
internal sealed class SnapshotFilter
{
    public static readonly SnapshotFilter All = new([]);

    private SnapshotFilter(IReadOnlyList<FilterSelector> selectors) => Selectors = selectors;

    public IReadOnlyList<FilterSelector> Selectors { get; }

    /// <summary>The empty text matches everything.</summary>
    /// <exception cref="Grpc.GrpcException">InvalidArgument: not a filter.</exception>
    public static SnapshotFilter Parse(string text)
    {
        if (text.Length == 0) return All;
        List<FilterSelector> selectors = [];
        FilterScanner scanner = new(text);
        while (true)
        {
            selectors.Add(ParseSelector(scanner, out FilterToken next));
            if (next == FilterToken.End) return new SnapshotFilter(selectors);
            if (next != FilterToken.Comma) throw scanner.Error("expected a comma");
        }
    }

    public bool Matches(SnapshotInfo snapshot)
    {
        foreach (FilterSelector selector in Selectors)
        {
            if (!selector.Matches(snapshot)) return false;
        }

        return true;
    }

    private static FilterSelector ParseSelector(FilterScanner scanner, out FilterToken next)
    {
        List<string> path = [ParseField(scanner)];
        while ((next = scanner.Next(expectValue: false)) == FilterToken.Dot) path.Add(ParseField(scanner));
        string label = string.Join('.', path.Skip(1));
        if (next is FilterToken.Comma or FilterToken.End) return new FilterSelector(path[0], label, FilterOperator.Present, "", null);
        if (next != FilterToken.Operator) throw scanner.Error("expected ==, != or ~=");
        FilterOperator operation = scanner.Text switch
        {
            "==" => FilterOperator.Equal,
            "!=" => FilterOperator.NotEqual,
            "~=" => FilterOperator.Matches,
            _ => throw scanner.Error($"unknown operator {scanner.Text}"),
        };
        FilterToken token = scanner.Next(expectValue: true);
        if (token is not (FilterToken.Value or FilterToken.Quoted)) throw scanner.Error("expected a value");
        if (token == FilterToken.Quoted && scanner.Quote != '"' && operation != FilterOperator.Matches) throw scanner.Error("this quote is for ~= only");
        string value = scanner.Text;
        Regex? pattern = operation == FilterOperator.Matches ? ParsePattern(scanner, value) : null;
        next = scanner.Next(expectValue: false);
        return new FilterSelector(path[0], label, operation, value, pattern);
    }

    private static string ParseField(FilterScanner scanner) => scanner.Next(expectValue: false) switch
    {
        FilterToken.Field => scanner.Text,
        FilterToken.Quoted when scanner.Quote == '"' => scanner.Text,
        _ => throw scanner.Error("expected a field"),
    };

    private static Regex ParsePattern(FilterScanner scanner, string pattern)
    {
        try
        {
            // Linear time whatever the pattern, as the RE2 of containerd itself.
            return new Regex(pattern, RegexOptions.NonBacktracking | RegexOptions.CultureInvariant);
        }
        catch (Exception exception) when (exception is ArgumentException or NotSupportedException)
        {
            throw scanner.Error($"bad regular expression: {exception.Message}");
        }
    }
}
